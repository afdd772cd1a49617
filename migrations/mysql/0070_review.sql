-- +goose Up
-- The time between the close of registration and the freeze: what the risk rules find, and appeals. Times are milliseconds since
-- the epoch, UTC; 0 means not yet. A finding is a group of registrations that one rule of one version names; nobody is excluded by
-- it until two people say so.

CREATE TABLE risk_runs (
    campaign_id BIGINT PRIMARY KEY,
    version     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    considered  BIGINT NOT NULL,
    found       BIGINT NOT NULL,
    assessed_at BIGINT NOT NULL,
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE risk_findings (
    id          BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    rule        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    members     BIGINT NOT NULL,
    status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    maker       VARCHAR(64) NOT NULL,
    reason      VARCHAR(200) NOT NULL,
    found_at    BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL,
    KEY risk_findings_campaign (campaign_id, id),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE risk_members (
    finding_id      BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    PRIMARY KEY (finding_id, registration_id),
    KEY risk_members_registration (registration_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE appeals (
    id              BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    registration_id BIGINT NOT NULL,
    reason          VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sealed          BLOB NOT NULL,
    status          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    filed_at        BIGINT NOT NULL,
    decide_by       BIGINT NOT NULL,
    decided_at      BIGINT NOT NULL,
    decided_by      VARCHAR(64) NOT NULL,
    answer          VARCHAR(200) NOT NULL,
    UNIQUE (registration_id, reason),
    KEY appeals_campaign (campaign_id, status, decide_by),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
