CREATE TABLE audit_entries (
  seq      BIGINT PRIMARY KEY,
  at       BIGINT NOT NULL,
  actor    VARCHAR(64) NOT NULL,
  action   VARCHAR(64) NOT NULL,
  campaign VARCHAR(64) NOT NULL,
  subject  VARCHAR(200) NOT NULL,
  detail   MEDIUMTEXT NOT NULL,
  prev     BINARY(32) NOT NULL,
  hash     BINARY(32) NOT NULL,
  KEY audit_entries_campaign (campaign, seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit_entries is append-only';

CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit_entries is append-only';

CREATE TABLE audit_head (
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash BINARY(32) NOT NULL
) ENGINE=InnoDB;

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, UNHEX(REPEAT('00', 32)));
