CREATE TABLE api_tokens (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  account_id   BIGINT NOT NULL,
  name         VARCHAR(64) NOT NULL,
  city         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  scopes       VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  token_hash   BINARY(32) NOT NULL UNIQUE,
  made_by      VARCHAR(64) NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  revoked_at   BIGINT NOT NULL DEFAULT 0,
  revoked_by   VARCHAR(64) NOT NULL DEFAULT '',
  KEY api_tokens_account (account_id, id),
  FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
