CREATE TABLE job_runs (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  job         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  started_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL DEFAULT 0,
  done_rows   BIGINT NOT NULL DEFAULT 0,
  error       VARCHAR(500) NOT NULL DEFAULT '',
  run_by      VARCHAR(64) NOT NULL,
  KEY job_runs_job (job, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;
