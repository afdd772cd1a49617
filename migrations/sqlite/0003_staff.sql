CREATE TABLE campaign_keys (
  campaign_id  INTEGER PRIMARY KEY,
  wrapped      BLOB NOT NULL,
  suite        VARCHAR(8) NOT NULL CHECK (suite IN ('intl', 'sm')),
  created_at   BIGINT NOT NULL,
  destroyed_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE accounts (
  id              INTEGER PRIMARY KEY,
  username        VARCHAR(64) NOT NULL UNIQUE,
  name            VARCHAR(64) NOT NULL,
  city            VARCHAR(64) NOT NULL,
  role            VARCHAR(24) NOT NULL,
  password        VARCHAR(100) NOT NULL,
  totp_secret     BLOB NOT NULL,
  totp_step       BIGINT NOT NULL DEFAULT 0,
  status          VARCHAR(24) NOT NULL CHECK (status IN ('active', 'disabled')),
  failed          INTEGER NOT NULL DEFAULT 0,
  locked_until_at BIGINT NOT NULL DEFAULT 0,
  created_at      BIGINT NOT NULL
);

CREATE TABLE sessions (
  token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  address    VARCHAR(64) NOT NULL
);

CREATE INDEX sessions_account ON sessions (account_id);

CREATE TABLE approvals (
  id          INTEGER PRIMARY KEY,
  campaign_id BIGINT NOT NULL,
  city        VARCHAR(64) NOT NULL,
  kind        VARCHAR(64) NOT NULL,
  subject     VARCHAR(200) NOT NULL,
  summary     TEXT NOT NULL,
  status      VARCHAR(24) NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
  maker       VARCHAR(64) NOT NULL,
  made_at     BIGINT NOT NULL,
  checker     VARCHAR(64) NOT NULL DEFAULT '',
  decided_at  BIGINT NOT NULL DEFAULT 0,
  reason      VARCHAR(500) NOT NULL DEFAULT '',
  CHECK (status <> 'approved' OR checker <> maker AND checker <> '')
);

CREATE INDEX approvals_status ON approvals (status, id);
CREATE INDEX approvals_campaign ON approvals (campaign_id, id);
