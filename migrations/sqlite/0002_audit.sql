CREATE TABLE audit_entries (
  seq      INTEGER PRIMARY KEY,
  at       BIGINT NOT NULL,
  actor    VARCHAR(64) NOT NULL,
  action   VARCHAR(64) NOT NULL,
  campaign VARCHAR(64) NOT NULL,
  subject  VARCHAR(200) NOT NULL,
  detail   TEXT NOT NULL,
  prev     BLOB NOT NULL CHECK (length(prev) = 32),
  hash     BLOB NOT NULL CHECK (length(hash) = 32)
);

CREATE INDEX audit_entries_campaign ON audit_entries (campaign, seq);

CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'audit_entries is append-only');
END;

CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'audit_entries is append-only');
END;

CREATE TABLE audit_head (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
);

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));
