CREATE TABLE campaign_keys (
  campaign_id  BIGINT PRIMARY KEY,
  wrapped      VARBINARY(128) NOT NULL,
  suite        VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (suite IN ('intl', 'sm')),
  created_at   BIGINT NOT NULL,
  destroyed_at BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB;

CREATE TABLE accounts (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  username        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
  name            VARCHAR(64) NOT NULL,
  city            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  role            VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  password        VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  totp_secret     VARBINARY(128) NOT NULL,
  totp_step       BIGINT NOT NULL DEFAULT 0,
  status          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (status IN ('active', 'disabled')),
  failed          BIGINT NOT NULL DEFAULT 0,
  locked_until_at BIGINT NOT NULL DEFAULT 0,
  created_at      BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE sessions (
  token_hash BINARY(32) PRIMARY KEY,
  account_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  address    VARCHAR(64) NOT NULL,
  KEY sessions_account (account_id),
  FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE approvals (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  campaign_id BIGINT NOT NULL,
  city        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject     VARCHAR(200) NOT NULL,
  summary     MEDIUMTEXT NOT NULL,
  status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
  maker       VARCHAR(64) NOT NULL,
  made_at     BIGINT NOT NULL,
  checker     VARCHAR(64) NOT NULL DEFAULT '',
  decided_at  BIGINT NOT NULL DEFAULT 0,
  reason      VARCHAR(500) NOT NULL DEFAULT '',
  CHECK (status <> 'approved' OR checker <> maker AND checker <> ''),
  KEY approvals_status (status, id),
  KEY approvals_campaign (campaign_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
