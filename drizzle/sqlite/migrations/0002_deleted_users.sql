CREATE TABLE `deleted_users` (
	`id` text PRIMARY KEY NOT NULL,
	`deleted_at` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `deleted_users` (`id`, `deleted_at`) SELECT `user_id`, min(`created_at`) FROM `audit_events` WHERE `event` = 'user_deleted' AND `user_id` IS NOT NULL GROUP BY `user_id`;
