CREATE TABLE "known_addresses" (
	"key" text PRIMARY KEY NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rate_limits" ADD COLUMN "waits_until" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "known_addresses_expires_at_index" ON "known_addresses" USING btree ("expires_at");--> statement-breakpoint
INSERT INTO "known_addresses" ("key", "expires_at") SELECT substr("key", 17), "expires_at" FROM "rate_limits" WHERE "key" LIKE 'known_addresses:%';
