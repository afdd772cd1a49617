-- Disbursement owns this table: the certificate with which a campaign's money is closed, signed. It never changes.

CREATE TABLE close_outs (
    campaign_id BIGINT NOT NULL PRIMARY KEY,
    document MEDIUMBLOB NOT NULL,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note TEXT NOT NULL,
    issued_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TRIGGER close_outs_no_update BEFORE UPDATE ON close_outs
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'close_outs is append-only';

CREATE TRIGGER close_outs_no_delete BEFORE DELETE ON close_outs
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'close_outs is append-only';
