CREATE TABLE webhooks (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  city       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  url        VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status     VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (status IN ('active', 'paused')),
  seq        BIGINT NOT NULL,
  made_by    VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE KEY webhooks_city_url (city, url)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE webhook_deliveries (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  webhook_id   BIGINT NOT NULL,
  seq          BIGINT NOT NULL,
  event        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  happened_at  BIGINT NOT NULL,
  status       VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts     BIGINT NOT NULL DEFAULT 0,
  next_at      BIGINT NOT NULL,
  answer       VARCHAR(200) NOT NULL DEFAULT '',
  delivered_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY webhook_deliveries_seq (webhook_id, seq),
  KEY webhook_deliveries_due (status, next_at),
  FOREIGN KEY (webhook_id) REFERENCES webhooks (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
