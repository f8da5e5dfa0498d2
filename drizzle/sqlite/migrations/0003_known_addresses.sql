CREATE TABLE `known_addresses` (
	`key` text PRIMARY KEY NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `known_addresses_expires_at_index` ON `known_addresses` (`expires_at`);