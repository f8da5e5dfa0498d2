CREATE TABLE `blacklisted_tokens` (
	`jti` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `blacklisted_tokens_expires_at_index` ON `blacklisted_tokens` (`expires_at`);--> statement-breakpoint
CREATE TABLE `clients` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`hashed_secret` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `clients_name_unique` ON `clients` (`name`);--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`kid` text PRIMARY KEY NOT NULL,
	`algorithm` text NOT NULL,
	`predecessor` text NOT NULL,
	`public_key` text,
	`sealed_private_key` text NOT NULL,
	`max_token_lifetime` integer NOT NULL,
	`created_at` integer NOT NULL,
	`activates_at` integer NOT NULL,
	`retires_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_predecessor_unique` ON `signing_keys` (`predecessor`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`name` text,
	`hashed_password` text NOT NULL,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	`token_version` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);