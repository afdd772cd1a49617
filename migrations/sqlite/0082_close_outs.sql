-- Disbursement owns this table: the certificate with which a campaign's money is closed, signed. It never changes.

CREATE TABLE close_outs (
    campaign_id INTEGER PRIMARY KEY,
    document BLOB NOT NULL,
    digest VARCHAR(64) NOT NULL,
    note TEXT NOT NULL,
    issued_at INTEGER NOT NULL
);

CREATE TRIGGER close_outs_no_update BEFORE UPDATE ON close_outs BEGIN
    SELECT RAISE(ABORT, 'close_outs is append-only');
END;

CREATE TRIGGER close_outs_no_delete BEFORE DELETE ON close_outs BEGIN
    SELECT RAISE(ABORT, 'close_outs is append-only');
END;
