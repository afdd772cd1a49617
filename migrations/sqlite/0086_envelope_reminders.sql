-- Disbursement owns this table. When the winner was told; 0 is not yet.

ALTER TABLE envelopes ADD COLUMN credit_told_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE envelopes ADD COLUMN claim_reminded_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE envelopes ADD COLUMN expiry_reminded_at BIGINT NOT NULL DEFAULT 0;
