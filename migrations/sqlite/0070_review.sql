-- +goose Up
-- The time between the close of registration and the freeze: what the risk rules find, and appeals. Times are milliseconds since
-- the epoch, UTC; 0 means not yet. A finding is a group of registrations that one rule of one version names; nobody is excluded by
-- it until two people say so.

CREATE TABLE risk_runs (
    campaign_id BIGINT PRIMARY KEY,
    version     VARCHAR(64) NOT NULL,
    considered  BIGINT NOT NULL,
    found       BIGINT NOT NULL,
    assessed_at BIGINT NOT NULL,
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);

CREATE TABLE risk_findings (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    rule        VARCHAR(64) NOT NULL,
    version     VARCHAR(64) NOT NULL,
    members     BIGINT NOT NULL,
    status      VARCHAR(24) NOT NULL,
    maker       VARCHAR(64) NOT NULL,
    reason      VARCHAR(200) NOT NULL,
    found_at    BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL,
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);
CREATE INDEX risk_findings_campaign ON risk_findings (campaign_id, id);

CREATE TABLE risk_members (
    finding_id      BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    PRIMARY KEY (finding_id, registration_id)
);
CREATE INDEX risk_members_registration ON risk_members (registration_id);

CREATE TABLE appeals (
    id              INTEGER PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    reason          VARCHAR(40) NOT NULL,
    sealed          BLOB NOT NULL,
    status          VARCHAR(24) NOT NULL,
    filed_at        BIGINT NOT NULL,
    decide_by       BIGINT NOT NULL,
    decided_at      BIGINT NOT NULL,
    decided_by      VARCHAR(64) NOT NULL,
    answer          VARCHAR(200) NOT NULL,
    UNIQUE (registration_id, reason),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);
CREATE INDEX appeals_campaign ON appeals (campaign_id, status, decide_by);
