CREATE TABLE "known_addresses" (
	"key" text PRIMARY KEY NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rate_limits" ADD COLUMN "waits_until" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "known_addresses_expires_at_index" ON "known_addresses" USING btree ("expires_at");