-- Merchant settlement. Campaign owns merchants, disbursement the rest: what each merchant is owed of the envelope money that
-- was spent there, day by day, what is held back, and what was paid out to it or to its acquirer.

ALTER TABLE merchants ADD COLUMN acquirer VARCHAR(64) NOT NULL DEFAULT '';

CREATE TABLE settlement_holds (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    status VARCHAR(24) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    evidence VARCHAR(200) NOT NULL,
    approval_id INTEGER NOT NULL DEFAULT 0,
    held_by VARCHAR(64) NOT NULL,
    held_at INTEGER NOT NULL,
    released_at INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    UNIQUE (campaign_id, merchant_no, released_at),
    CHECK (status IN ('held', 'releasing', 'released'))
);

CREATE TABLE settlement_payouts (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    payee VARCHAR(64) NOT NULL,
    status VARCHAR(24) NOT NULL,
    settlements INTEGER NOT NULL,
    total_fen INTEGER NOT NULL,
    evidence VARCHAR(200) NOT NULL,
    approval_id INTEGER NOT NULL DEFAULT 0,
    made_by VARCHAR(64) NOT NULL,
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (status IN ('prepared', 'approved', 'rejected'))
);

CREATE INDEX ix_settlement_payouts_campaign_id_status ON settlement_payouts (campaign_id, status);

CREATE TABLE merchant_settlements (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    payee VARCHAR(64) NOT NULL,
    day VARCHAR(10) NOT NULL,
    status VARCHAR(24) NOT NULL,
    line_count INTEGER NOT NULL,
    paid_fen INTEGER NOT NULL,
    refunded_fen INTEGER NOT NULL,
    net_fen INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    payout_id INTEGER NOT NULL DEFAULT 0,
    made_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    UNIQUE (campaign_id, merchant_no, day),
    CHECK (net_fen = paid_fen - refunded_fen),
    CHECK (status IN ('due', 'held', 'settled'))
);

CREATE INDEX ix_merchant_settlements_campaign_id_status ON merchant_settlements (campaign_id, status);

CREATE INDEX ix_merchant_settlements_payout_id ON merchant_settlements (payout_id);

CREATE TABLE settlement_lines (
    id INTEGER PRIMARY KEY,
    settlement_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    kind VARCHAR(24) NOT NULL,
    operator VARCHAR(64) NOT NULL,
    event_no VARCHAR(64) NOT NULL,
    number VARCHAR(64) NOT NULL,
    payment_no VARCHAR(64) NOT NULL,
    occurred_at INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL,
    CHECK (kind IN ('payment', 'refund', 'correction')),
    FOREIGN KEY (settlement_id) REFERENCES merchant_settlements (id)
);

CREATE INDEX ix_settlement_lines_settlement_id ON settlement_lines (settlement_id);

CREATE INDEX ix_settlement_lines_event_id ON settlement_lines (event_id);

CREATE TRIGGER settlement_lines_no_update BEFORE UPDATE ON settlement_lines BEGIN
    SELECT RAISE(ABORT, 'settlement_lines is append-only');
END;

CREATE TRIGGER settlement_lines_no_delete BEFORE DELETE ON settlement_lines BEGIN
    SELECT RAISE(ABORT, 'settlement_lines is append-only');
END;

ALTER TABLE spending_events ADD COLUMN settlement_id INTEGER NOT NULL DEFAULT 0;

CREATE INDEX ix_spending_events_settlement_id_campaign_id_merchant_no ON spending_events (settlement_id, campaign_id, merchant_no);

INSERT INTO settlement_holds (campaign_id, merchant_no, status, reason, evidence, held_by, held_at, changed_at)
    SELECT campaign_id, merchant_no, 'held', 'held before settlement was kept here', '', 'system:migration', 0, 0 FROM merchants WHERE status = 'held';

UPDATE merchants SET status = 'active' WHERE status = 'held';
