-- Disbursement owns these tables: envelopes, the orders that pay and recall them, and the money received.

CREATE TABLE envelopes (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    award_id INTEGER NOT NULL DEFAULT 0,
    entry BLOB NOT NULL,
    tier VARCHAR(64) NOT NULL,
    source VARCHAR(64) NOT NULL,
    amount_fen INTEGER NOT NULL,
    operator VARCHAR(64) NOT NULL,
    coupon_id VARCHAR(64) NOT NULL,
    wallet_token VARCHAR(64) NOT NULL,
    status VARCHAR(24) NOT NULL,
    claim_until_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    credited_fen INTEGER NOT NULL DEFAULT 0,
    spent_fen INTEGER NOT NULL DEFAULT 0,
    recalled_fen INTEGER NOT NULL DEFAULT 0,
    recall_due INTEGER NOT NULL DEFAULT 0,
    wallet_next_at INTEGER NOT NULL DEFAULT 0,
    wallet_attempts INTEGER NOT NULL DEFAULT 0,
    reason VARCHAR(120) NOT NULL DEFAULT '',
    awarded_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL DEFAULT 0,
    credited_at INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    UNIQUE (campaign_id, registration_id),
    UNIQUE (coupon_id),
    CHECK (amount_fen > 0),
    CHECK (status IN ('awarded', 'claimed', 'ordered', 'credited', 'expired', 'closed', 'forfeited'))
);

CREATE INDEX ix_envelopes_campaign_id_status_id ON envelopes (campaign_id, status, id);

CREATE INDEX ix_envelopes_status_claim_until_at ON envelopes (status, claim_until_at);

CREATE INDEX ix_envelopes_status_expires_at ON envelopes (status, expires_at);

CREATE INDEX ix_envelopes_operator_status_wallet_next_at ON envelopes (operator, status, wallet_next_at);

CREATE INDEX ix_envelopes_campaign_id_award_id ON envelopes (campaign_id, award_id);

CREATE TABLE disbursement_batches (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    kind VARCHAR(24) NOT NULL,
    purpose VARCHAR(24) NOT NULL,
    status VARCHAR(24) NOT NULL,
    orders INTEGER NOT NULL DEFAULT 0,
    total_fen INTEGER NOT NULL DEFAULT 0,
    approval_id INTEGER NOT NULL DEFAULT 0,
    prepared_by VARCHAR(64) NOT NULL,
    prepared_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (kind IN ('credit', 'recall', 'return')),
    CHECK (status IN ('prepared', 'approved', 'dispatching', 'done', 'rejected'))
);

CREATE INDEX ix_disbursement_batches_campaign_id_kind_status ON disbursement_batches (campaign_id, kind, status);

CREATE INDEX ix_disbursement_batches_approval_id ON disbursement_batches (approval_id);

CREATE INDEX ix_disbursement_batches_status_id ON disbursement_batches (status, id);

CREATE TABLE disbursement_orders (
    id INTEGER PRIMARY KEY,
    batch_id INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    envelope_id INTEGER NOT NULL,
    kind VARCHAR(24) NOT NULL,
    order_no VARCHAR(32) NOT NULL,
    operator VARCHAR(64) NOT NULL,
    source VARCHAR(64) NOT NULL,
    wallet_token VARCHAR(64) NOT NULL,
    coupon_id VARCHAR(64) NOT NULL,
    amount_fen INTEGER NOT NULL,
    settled_fen INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL DEFAULT 0,
    status VARCHAR(24) NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    lease_token VARCHAR(64) NOT NULL,
    operator_ref VARCHAR(64) NOT NULL,
    reason VARCHAR(120) NOT NULL DEFAULT '',
    replaced_by VARCHAR(32) NOT NULL,
    statement_day VARCHAR(10) NOT NULL DEFAULT '',
    settled_at INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (order_no),
    CHECK (amount_fen > 0),
    CHECK (status IN ('prepared', 'approved', 'rejected', 'sending', 'accepted', 'processing', 'unknown', 'succeeded', 'failed', 'returned')),
    FOREIGN KEY (batch_id) REFERENCES disbursement_batches (id)
);

CREATE INDEX ix_disbursement_orders_batch_id_status ON disbursement_orders (batch_id, status);

CREATE INDEX ix_disbursement_orders_operator_status_next_at ON disbursement_orders (operator, status, next_at);

CREATE INDEX ix_disbursement_orders_status_next_at ON disbursement_orders (status, next_at);

CREATE INDEX ix_disbursement_orders_envelope_id_kind ON disbursement_orders (envelope_id, kind);

CREATE INDEX ix_disbursement_orders_campaign_id_kind_status ON disbursement_orders (campaign_id, kind, status);

CREATE INDEX ix_disbursement_orders_lease_token ON disbursement_orders (lease_token);

CREATE INDEX ix_disbursement_orders_operator_statement_day_settled_at ON disbursement_orders (operator, statement_day, settled_at);

CREATE TABLE funding_receipts (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    source VARCHAR(64) NOT NULL,
    amount_fen INTEGER NOT NULL,
    evidence VARCHAR(200) NOT NULL,
    status VARCHAR(24) NOT NULL,
    approval_id INTEGER NOT NULL DEFAULT 0,
    made_by VARCHAR(64) NOT NULL,
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (amount_fen > 0),
    CHECK (status IN ('prepared', 'approved', 'rejected'))
);

CREATE INDEX ix_funding_receipts_campaign_id_source ON funding_receipts (campaign_id, source);

CREATE TABLE operator_nonces (
    operator VARCHAR(64) NOT NULL,
    nonce VARCHAR(64) NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (operator, nonce)
);

CREATE INDEX ix_operator_nonces_until_at ON operator_nonces (until_at);
