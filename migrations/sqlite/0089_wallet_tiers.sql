-- Disbursement owns this table. What the operator says of the wallet: its tier (0 is not known) and whether it is a card or a
-- wearable, handed out at a branch.

ALTER TABLE envelopes ADD COLUMN wallet_tier BIGINT NOT NULL DEFAULT 0;

ALTER TABLE envelopes ADD COLUMN wallet_hard BIGINT NOT NULL DEFAULT 0;
