CREATE TABLE webhooks (
  id         INTEGER PRIMARY KEY,
  city       VARCHAR(64) NOT NULL,
  url        VARCHAR(500) NOT NULL,
  status     VARCHAR(24) NOT NULL CHECK (status IN ('active', 'paused')),
  seq        BIGINT NOT NULL,
  made_by    VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (city, url)
);

CREATE TABLE webhook_deliveries (
  id           INTEGER PRIMARY KEY,
  webhook_id   INTEGER NOT NULL REFERENCES webhooks (id),
  seq          BIGINT NOT NULL,
  event        VARCHAR(64) NOT NULL,
  campaign     VARCHAR(64) NOT NULL,
  happened_at  BIGINT NOT NULL,
  status       VARCHAR(24) NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_at      BIGINT NOT NULL,
  answer       VARCHAR(200) NOT NULL DEFAULT '',
  delivered_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE (webhook_id, seq)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (status, next_at);
