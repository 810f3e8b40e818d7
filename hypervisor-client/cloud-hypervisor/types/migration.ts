/** Snapshots, migration, and the dump. URLs are `file:///absolute/folder`, `unix:`, `tcp:`. */

export interface RestoreConfig {
  readonly source_url: string;
  readonly prefault?: boolean;
  /** v52+. `OnDemand` needs userfaultfd and excludes `prefault`. */
  readonly memory_restore_mode?: 'Copy' | 'OnDemand';
  /** v52+; without it the VM comes back paused. */
  readonly resume?: boolean;
}

export interface ReceiveMigration {
  readonly receiver_url: string;
  readonly tls_dir?: string;
  readonly memory_mode?: 'Precopy' | 'Postcopy';
}

export interface SendMigration {
  readonly destination_url: string;
  readonly local?: boolean;
  readonly downtime_ms?: number;
  readonly timeout_s?: number;
  readonly timeout_strategy?: 'Cancel' | 'Ignore';
  readonly connections?: number;
  readonly tls_dir?: string;
  readonly memory_mode?: 'Precopy' | 'Postcopy';
}
