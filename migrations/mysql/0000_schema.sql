CREATE TABLE IF NOT EXISTS schema_steps (
  version    BIGINT NOT NULL,
  step       BIGINT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (version, step)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS leases (
  name     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  owner    VARCHAR(128) NOT NULL,
  token    BIGINT NOT NULL,
  until_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;
