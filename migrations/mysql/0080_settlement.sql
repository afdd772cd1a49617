-- Merchant settlement. Campaign owns merchants, disbursement the rest: what each merchant is owed of the envelope money that
-- was spent there, day by day, what is held back, and what was paid out to it or to its acquirer.

ALTER TABLE merchants ADD COLUMN acquirer VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';

CREATE TABLE settlement_holds (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(200) NOT NULL,
    evidence VARCHAR(200) NOT NULL,
    approval_id BIGINT NOT NULL DEFAULT 0,
    held_by VARCHAR(64) NOT NULL,
    held_at BIGINT NOT NULL,
    released_at BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY (campaign_id, merchant_no, released_at),
    CHECK (status IN ('held', 'releasing', 'released'))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE settlement_payouts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    payee VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    settlements BIGINT NOT NULL,
    total_fen BIGINT NOT NULL,
    evidence VARCHAR(200) NOT NULL,
    approval_id BIGINT NOT NULL DEFAULT 0,
    made_by VARCHAR(64) NOT NULL,
    made_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    CHECK (status IN ('prepared', 'approved', 'rejected')),
    KEY ix_settlement_payouts_campaign_id_status (campaign_id, status)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE merchant_settlements (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payee VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day VARCHAR(10) NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line_count BIGINT NOT NULL,
    paid_fen BIGINT NOT NULL,
    refunded_fen BIGINT NOT NULL,
    net_fen BIGINT NOT NULL,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payout_id BIGINT NOT NULL DEFAULT 0,
    made_at BIGINT NOT NULL,
    settled_at BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY (campaign_id, merchant_no, day),
    CHECK (net_fen = paid_fen - refunded_fen),
    CHECK (status IN ('due', 'held', 'settled')),
    KEY ix_merchant_settlements_campaign_id_status (campaign_id, status),
    KEY ix_merchant_settlements_payout_id (payout_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE settlement_lines (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    settlement_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    operator VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payment_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    occurred_at BIGINT NOT NULL,
    amount_fen BIGINT NOT NULL,
    CHECK (kind IN ('payment', 'refund', 'correction')),
    FOREIGN KEY (settlement_id) REFERENCES merchant_settlements (id),
    KEY ix_settlement_lines_settlement_id (settlement_id),
    KEY ix_settlement_lines_event_id (event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TRIGGER settlement_lines_no_update BEFORE UPDATE ON settlement_lines
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settlement_lines is append-only';

CREATE TRIGGER settlement_lines_no_delete BEFORE DELETE ON settlement_lines
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'settlement_lines is append-only';

ALTER TABLE spending_events ADD COLUMN settlement_id BIGINT NOT NULL DEFAULT 0;

CREATE INDEX ix_spending_events_settlement_id_campaign_id_merchant_no ON spending_events (settlement_id, campaign_id, merchant_no);

INSERT INTO settlement_holds (campaign_id, merchant_no, status, reason, evidence, held_by, held_at, changed_at)
    SELECT campaign_id, merchant_no, 'held', 'held before settlement was kept here', '', 'system:migration', 0, 0 FROM merchants WHERE status = 'held';

UPDATE merchants SET status = 'active' WHERE status = 'held';
