-- +goose Up
-- What is given, to whom, where it may be spent. Times are milliseconds since the epoch, UTC; 0 means not yet.

CREATE TABLE cities (
    id         INTEGER PRIMARY KEY,
    code       VARCHAR(64) NOT NULL UNIQUE,
    name_zh    VARCHAR(400) NOT NULL,
    name_en    VARCHAR(400) NOT NULL,
    colour     VARCHAR(7) NOT NULL,
    contact    VARCHAR(400) NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE campaigns (
    id             INTEGER PRIMARY KEY,
    slug           VARCHAR(64) NOT NULL UNIQUE,
    city_id        BIGINT NOT NULL,
    name_zh        VARCHAR(400) NOT NULL,
    name_en        VARCHAR(400) NOT NULL,
    rule_book      TEXT NOT NULL,
    rule_hash      BLOB NOT NULL,
    status         VARCHAR(24) NOT NULL,
    notice_at      BIGINT NOT NULL,
    open_at        BIGINT NOT NULL,
    close_at       BIGINT NOT NULL,
    claim_from_at  BIGINT NOT NULL,
    claim_until_at BIGINT NOT NULL,
    spend_from_at  BIGINT NOT NULL,
    spend_until_at BIGINT NOT NULL,
    budget_fen     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    created_by     VARCHAR(64) NOT NULL,
    frozen_at      BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (city_id) REFERENCES cities (id),
    CHECK (budget_fen > 0),
    CHECK (open_at < close_at)
);
CREATE INDEX campaigns_city_id ON campaigns (city_id);
CREATE INDEX campaigns_status_open_at ON campaigns (status, open_at);

-- A withdrawn registration keeps its entry for the public count and loses everything that leads to the person. linked_index is the
-- index of a foreign card's older number, also when only that was given, so that both cards meet in one unique key. Each index is a
-- tenth of what a registration costs on opening night, so there are no more than these: entries are 256 random bits, and a person
-- differs where the document does. The last one streams the list of a pool in order of its entries, without looking at the rows.
CREATE TABLE registrations (
    id              INTEGER PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    entry           BLOB NOT NULL,
    salt            BLOB NOT NULL,
    person          BLOB,
    document_index  BLOB,
    linked_index    BLOB,
    phone_index     BLOB,
    sealed          BLOB NOT NULL,
    pool            VARCHAR(64) NOT NULL,
    district        VARCHAR(64) NOT NULL,
    operator        VARCHAR(64) NOT NULL,
    tier_choice     VARCHAR(64) NOT NULL,
    consents        VARCHAR(200) NOT NULL,
    status          VARCHAR(24) NOT NULL,
    reason          VARCHAR(40) NOT NULL,
    source          VARCHAR(8) NOT NULL,
    idempotency_key BLOB,
    body_hash       BLOB NOT NULL,
    device_hash     BLOB,
    network_hash    BLOB,
    registered_at   BIGINT NOT NULL,
    changed_at      BIGINT NOT NULL,
    UNIQUE (campaign_id, document_index),
    UNIQUE (campaign_id, linked_index),
    UNIQUE (campaign_id, phone_index),
    UNIQUE (campaign_id, idempotency_key),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);

CREATE INDEX registrations_in_order ON registrations (campaign_id, pool, status, entry);
CREATE TABLE refusals (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    reason      VARCHAR(40) NOT NULL,
    hour_at     BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    UNIQUE (campaign_id, reason, hour_at)
);

CREATE TABLE merchants (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(32) NOT NULL,
    name        VARCHAR(60) NOT NULL,
    district    VARCHAR(64) NOT NULL,
    class       VARCHAR(30) NOT NULL,
    status      VARCHAR(24) NOT NULL,
    pay_modes   VARCHAR(200) NOT NULL,
    scenarios   VARCHAR(400) NOT NULL,
    app         VARCHAR(64) NOT NULL,
    address     VARCHAR(100) NOT NULL,
    lat         REAL NOT NULL,
    lng         REAL NOT NULL,
    cap_fen     BIGINT NOT NULL,
    UNIQUE (campaign_id, merchant_no),
    CHECK (cap_fen >= 0)
);

CREATE TABLE evidence (
    campaign_id    BIGINT NOT NULL,
    document_index BLOB NOT NULL,
    kind           VARCHAR(24) NOT NULL,
    source         VARCHAR(100) NOT NULL,
    imported_at    BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, document_index, kind)
);

CREATE TABLE messages (
    id              INTEGER PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    stage           VARCHAR(24) NOT NULL,
    body            VARCHAR(300) NOT NULL,
    status          VARCHAR(24) NOT NULL,
    attempts        BIGINT NOT NULL,
    queued_at       BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL,
    UNIQUE (registration_id, stage)
);
CREATE INDEX messages_status_id ON messages (status, id);
