-- Signed heads of the audit chain, as published. Audit owns this table; it is only ever added to.

CREATE TABLE audit_anchors (
  seq  INTEGER PRIMARY KEY,
  hash BLOB NOT NULL,
  at   INTEGER NOT NULL,
  note TEXT NOT NULL
);

CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'audit_anchors is append-only'); END;

CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors
BEGIN SELECT RAISE(ABORT, 'audit_anchors is append-only'); END;
