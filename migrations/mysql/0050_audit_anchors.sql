-- Signed heads of the audit chain, as published. Audit owns this table; it is only ever added to.

CREATE TABLE audit_anchors (
  seq  BIGINT PRIMARY KEY,
  hash BINARY(32) NOT NULL,
  at   BIGINT NOT NULL,
  note TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit_anchors is append-only';

CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit_anchors is append-only';
