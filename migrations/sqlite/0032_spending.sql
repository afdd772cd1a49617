-- Disbursement owns these tables: what the operators tell of spending, and the sub-wallets that were pushed to apps.

CREATE TABLE spending_events (
    id INTEGER PRIMARY KEY,
    operator VARCHAR(64) NOT NULL,
    event_no VARCHAR(64) NOT NULL,
    body_hash BLOB NOT NULL,
    kind VARCHAR(24) NOT NULL,
    payment_no VARCHAR(64) NOT NULL,
    refund_no VARCHAR(64) NOT NULL,
    envelope_id INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    pay_mode VARCHAR(64) NOT NULL,
    scenario VARCHAR(64) NOT NULL,
    app VARCHAR(64) NOT NULL,
    amount_fen INTEGER NOT NULL,
    envelope_fen INTEGER NOT NULL,
    wallet_fen INTEGER NOT NULL,
    card_fen INTEGER NOT NULL,
    delivery_district VARCHAR(64) NOT NULL,
    self_operated INTEGER NOT NULL,
    device VARCHAR(64) NOT NULL,
    occurred_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    origin VARCHAR(24) NOT NULL,
    statement_day VARCHAR(10) NOT NULL DEFAULT '',
    UNIQUE (operator, event_no),
    CHECK (amount_fen = envelope_fen + wallet_fen + card_fen),
    CHECK (kind IN ('payment', 'refund'))
);

CREATE INDEX ix_spending_events_operator_payment_no ON spending_events (operator, payment_no);

CREATE INDEX ix_spending_events_envelope_id_occurred_at ON spending_events (envelope_id, occurred_at);

CREATE INDEX ix_spending_events_campaign_id_kind_occurred_at ON spending_events (campaign_id, kind, occurred_at);

CREATE INDEX ix_spending_events_operator_statement_day_occurred_at ON spending_events (operator, statement_day, occurred_at);

CREATE TABLE sub_wallets (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    operator VARCHAR(64) NOT NULL,
    app VARCHAR(64) NOT NULL,
    token VARCHAR(64) NOT NULL,
    per_payment_fen INTEGER NOT NULL,
    per_day_fen INTEGER NOT NULL,
    status VARCHAR(24) NOT NULL,
    pushed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (operator, token, registration_id),
    CHECK (status IN ('active', 'paused', 'closed'))
);

CREATE INDEX ix_sub_wallets_registration_id_app ON sub_wallets (registration_id, app);

CREATE INDEX ix_sub_wallets_campaign_id_operator_app ON sub_wallets (campaign_id, operator, app);
