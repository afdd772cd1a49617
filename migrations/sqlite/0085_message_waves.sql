-- Campaign owns this table. A message waits until due_at: the wave it belongs to, or its next attempt.

ALTER TABLE messages ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX messages_status_due_at_id ON messages (status, due_at, id);

CREATE INDEX messages_campaign_id_stage_due_at ON messages (campaign_id, stage, due_at);

DROP INDEX messages_status_id;
