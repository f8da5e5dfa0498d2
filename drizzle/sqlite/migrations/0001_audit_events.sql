CREATE TABLE `audit_events` (
	`id` text PRIMARY KEY NOT NULL,
	`event` text NOT NULL,
	`reason` text,
	`user_id` text,
	`target` text,
	`actor` text,
	`address` text,
	`user_agent` text,
	`request_id` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_events_created_at_index` ON `audit_events` (`created_at`);--> statement-breakpoint
CREATE INDEX `audit_events_user_id_index` ON `audit_events` (`user_id`);