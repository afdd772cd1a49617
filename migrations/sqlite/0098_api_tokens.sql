CREATE TABLE api_tokens (
  id           INTEGER PRIMARY KEY,
  account_id   INTEGER NOT NULL REFERENCES accounts (id),
  name         VARCHAR(64) NOT NULL,
  city         VARCHAR(64) NOT NULL,
  scopes       VARCHAR(200) NOT NULL,
  token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  made_by      VARCHAR(64) NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  revoked_at   BIGINT NOT NULL DEFAULT 0,
  revoked_by   VARCHAR(64) NOT NULL DEFAULT ''
);

CREATE INDEX api_tokens_account ON api_tokens (account_id, id);
