/** One setting as it is in force. */
export interface ShownSetting {
  /** `loader.rollBytes`, or `--roll-bytes`. */
  name: string;
  /** As it was written; null: not set, and nothing stands for it. */
  value: unknown;
  /** `default`, `sluice.yaml:12`, `environment HADOOP_USER_NAME` or `option`. */
  source: string;
}
