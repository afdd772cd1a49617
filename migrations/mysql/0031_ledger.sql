-- Disbursement owns the ledger. Each transaction sums to zero, a balance is the sum of its postings, and nothing posted ever
-- changes: triggers refuse update and delete.

CREATE TABLE ledger_accounts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    source VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    operator VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    balance_fen BIGINT NOT NULL DEFAULT 0,
    UNIQUE KEY (campaign_id, source, operator, kind),
    CHECK (kind IN ('source', 'float', 'in_flight', 'issued', 'spent', 'recalled', 'returned'))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE ledger_transactions (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    ref VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE KEY (ref),
    KEY ix_ledger_transactions_campaign_id_at (campaign_id, at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE ledger_postings (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    transaction_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    envelope_id BIGINT NOT NULL,
    amount_fen BIGINT NOT NULL,
    FOREIGN KEY (transaction_id) REFERENCES ledger_transactions (id),
    FOREIGN KEY (account_id) REFERENCES ledger_accounts (id),
    KEY ix_ledger_postings_transaction_id (transaction_id),
    KEY ix_ledger_postings_account_id (account_id),
    KEY ix_ledger_postings_envelope_id (envelope_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE ON ledger_transactions FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ledger_transactions is append-only';

CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ledger_transactions is append-only';

CREATE TRIGGER ledger_postings_no_update BEFORE UPDATE ON ledger_postings FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ledger_postings is append-only';

CREATE TRIGGER ledger_postings_no_delete BEFORE DELETE ON ledger_postings FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ledger_postings is append-only';
