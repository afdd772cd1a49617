-- Disbursement owns these tables: rules for misuse by version, and the alerts that they raised, each with the events it rests on.

CREATE TABLE misuse_rules (
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    rules TEXT NOT NULL,
    made_by VARCHAR(64) NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE misuse_alerts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rule VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rule_version BIGINT NOT NULL,
    subject VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    events BIGINT NOT NULL,
    envelope_fen BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    decided_by VARCHAR(64) NOT NULL DEFAULT '',
    decided_at BIGINT NOT NULL DEFAULT 0,
    reason VARCHAR(200) NOT NULL DEFAULT '',
    UNIQUE (campaign_id, merchant_no, rule, rule_version, subject),
    CHECK (status IN ('open', 'confirmed', 'dismissed'))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE INDEX ix_misuse_alerts_campaign_id_status_id ON misuse_alerts (campaign_id, status, id);

CREATE TABLE misuse_evidence (
    alert_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    PRIMARY KEY (alert_id, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
