-- Disbursement owns these tables: the operators' daily statements, and every difference they have shown.

CREATE TABLE statements (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    operator VARCHAR(64) NOT NULL,
    day VARCHAR(10) NOT NULL,
    edition INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    line_count INTEGER NOT NULL,
    total_fen INTEGER NOT NULL,
    status VARCHAR(24) NOT NULL,
    reason VARCHAR(120) NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL,
    CHECK (status IN ('matched', 'different', 'refused'))
);

CREATE INDEX ix_statements_campaign_id_operator_day ON statements (campaign_id, operator, day);

CREATE TABLE differences (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    operator VARCHAR(64) NOT NULL,
    day VARCHAR(10) NOT NULL,
    order_no VARCHAR(64) NOT NULL,
    kind VARCHAR(24) NOT NULL,
    ours VARCHAR(200) NOT NULL,
    theirs VARCHAR(200) NOT NULL,
    status VARCHAR(24) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    owner VARCHAR(64) NOT NULL,
    found_at INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, operator, day, order_no, kind),
    CHECK (status IN ('open', 'resolved'))
);

CREATE INDEX ix_differences_campaign_id_status ON differences (campaign_id, status);

CREATE INDEX ix_differences_operator_day_status ON differences (operator, day, status);

CREATE INDEX ix_differences_operator_order_no ON differences (operator, order_no);
