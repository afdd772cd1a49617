-- +goose Up
-- What is given, to whom, where it may be spent. Times are milliseconds since the epoch, UTC; 0 means not yet.

CREATE TABLE cities (
    id         BIGINT AUTO_INCREMENT PRIMARY KEY,
    code       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    name_zh    VARCHAR(400) NOT NULL,
    name_en    VARCHAR(400) NOT NULL,
    colour     VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact    VARCHAR(400) NOT NULL,
    changed_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE campaigns (
    id             BIGINT AUTO_INCREMENT PRIMARY KEY,
    slug           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    city_id        BIGINT NOT NULL,
    name_zh        VARCHAR(400) NOT NULL,
    name_en        VARCHAR(400) NOT NULL,
    rule_book      MEDIUMTEXT NOT NULL,
    rule_hash      BINARY(32) NOT NULL,
    status         VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
    KEY (city_id),
    KEY (status, open_at),
    FOREIGN KEY (city_id) REFERENCES cities (id),
    CHECK (budget_fen > 0),
    CHECK (open_at < close_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- A withdrawn registration keeps its entry for the public count and loses everything that leads to the person. linked_index is the
-- index of a foreign card's older number, also when only that was given, so that both cards meet in one unique key. Each index is a
-- tenth of what a registration costs on opening night, so there are no more than these: entries are 256 random bits, and a person
-- differs where the document does. The last one streams the list of a pool in order of its entries, without looking at the rows.
CREATE TABLE registrations (
    id              BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    entry           BINARY(32) NOT NULL,
    salt            BINARY(32) NOT NULL,
    person          BINARY(32),
    document_index  BINARY(32),
    linked_index    BINARY(32),
    phone_index     BINARY(32),
    sealed          VARBINARY(1024) NOT NULL,
    pool            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    district        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    operator        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tier_choice     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    consents        VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason          VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key BINARY(32),
    body_hash       BINARY(32) NOT NULL,
    device_hash     BINARY(32),
    network_hash    BINARY(32),
    registered_at   BIGINT NOT NULL,
    changed_at      BIGINT NOT NULL,
    UNIQUE (campaign_id, document_index),
    UNIQUE (campaign_id, linked_index),
    UNIQUE (campaign_id, phone_index),
    UNIQUE (campaign_id, idempotency_key),
    KEY registrations_in_order (campaign_id, pool, status, entry),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE refusals (
    id          BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    reason      VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hour_at     BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    UNIQUE (campaign_id, reason, hour_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE merchants (
    id          BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name        VARCHAR(60) NOT NULL,
    district    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    class       VARCHAR(30) NOT NULL,
    status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    pay_modes   VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    scenarios   VARCHAR(400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    app         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    address     VARCHAR(100) NOT NULL,
    lat         DOUBLE NOT NULL,
    lng         DOUBLE NOT NULL,
    cap_fen     BIGINT NOT NULL,
    UNIQUE (campaign_id, merchant_no),
    CHECK (cap_fen >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE evidence (
    campaign_id    BIGINT NOT NULL,
    document_index BINARY(32) NOT NULL,
    kind           VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source         VARCHAR(100) NOT NULL,
    imported_at    BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, document_index, kind)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE messages (
    id              BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    stage           VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body            VARCHAR(300) NOT NULL,
    status          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempts        BIGINT NOT NULL,
    queued_at       BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL,
    UNIQUE (registration_id, stage),
    KEY (status, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
