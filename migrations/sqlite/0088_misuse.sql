-- Disbursement owns these tables: rules for misuse by version, and the alerts that they raised, each with the events it rests on.

CREATE TABLE misuse_rules (
    campaign_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    rules TEXT NOT NULL,
    made_by VARCHAR(64) NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, version)
);

CREATE TABLE misuse_alerts (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    rule VARCHAR(24) NOT NULL,
    rule_version INTEGER NOT NULL,
    subject VARCHAR(64) NOT NULL,
    status VARCHAR(24) NOT NULL,
    events INTEGER NOT NULL,
    envelope_fen INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    decided_by VARCHAR(64) NOT NULL DEFAULT '',
    decided_at INTEGER NOT NULL DEFAULT 0,
    reason VARCHAR(200) NOT NULL DEFAULT '',
    UNIQUE (campaign_id, merchant_no, rule, rule_version, subject),
    CHECK (status IN ('open', 'confirmed', 'dismissed'))
);

CREATE INDEX ix_misuse_alerts_campaign_id_status_id ON misuse_alerts (campaign_id, status, id);

CREATE TABLE misuse_evidence (
    alert_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    PRIMARY KEY (alert_id, event_id)
);
