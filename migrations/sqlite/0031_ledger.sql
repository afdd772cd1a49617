-- Disbursement owns the ledger. Each transaction sums to zero, a balance is the sum of its postings, and nothing posted ever
-- changes: triggers refuse update and delete.

CREATE TABLE ledger_accounts (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    source VARCHAR(64) NOT NULL,
    operator VARCHAR(64) NOT NULL,
    kind VARCHAR(24) NOT NULL,
    balance_fen INTEGER NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, source, operator, kind),
    CHECK (kind IN ('source', 'float', 'in_flight', 'issued', 'spent', 'recalled', 'returned'))
);

CREATE TABLE ledger_transactions (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    ref VARCHAR(80) NOT NULL,
    kind VARCHAR(24) NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (ref)
);

CREATE INDEX ix_ledger_transactions_campaign_id_at ON ledger_transactions (campaign_id, at);

CREATE TABLE ledger_postings (
    id INTEGER PRIMARY KEY,
    transaction_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    envelope_id INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL,
    FOREIGN KEY (transaction_id) REFERENCES ledger_transactions (id),
    FOREIGN KEY (account_id) REFERENCES ledger_accounts (id)
);

CREATE INDEX ix_ledger_postings_transaction_id ON ledger_postings (transaction_id);

CREATE INDEX ix_ledger_postings_account_id ON ledger_postings (account_id);

CREATE INDEX ix_ledger_postings_envelope_id ON ledger_postings (envelope_id);

CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE ON ledger_transactions BEGIN
    SELECT RAISE(ABORT, 'ledger_transactions is append-only');
END;

CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions BEGIN
    SELECT RAISE(ABORT, 'ledger_transactions is append-only');
END;

CREATE TRIGGER ledger_postings_no_update BEFORE UPDATE ON ledger_postings BEGIN
    SELECT RAISE(ABORT, 'ledger_postings is append-only');
END;

CREATE TRIGGER ledger_postings_no_delete BEFORE DELETE ON ledger_postings BEGIN
    SELECT RAISE(ABORT, 'ledger_postings is append-only');
END;
