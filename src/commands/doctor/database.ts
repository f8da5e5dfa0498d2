import type { Inspection, PostgresInspection, SqliteInspection } from '../../../drizzle/inspection.ts'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Milliseconds of clocks that differ: what NTP prevents, and what the rotation of keys no longer bears. */
const CLOCKS_DIFFER = 2000
const CLOCKS_DISAGREE = 30_000

export function checkTables({ schema, writeFault }: Inspection): Finding[] {
  const findings: Finding[] = []
  if (schema === 'newer') {
    findings.push(
      fail(
        'the tables are of a newer version of Postern',
        'Start that version, or restore a backup made before the upgrade.',
      ),
    )
  }
  if (schema === 'outdated') {
    findings.push(warn('the tables are of an older version', 'Start the service, or run postern migrate.'))
  }
  if (writeFault !== undefined) {
    findings.push(fail(`it cannot be written: ${writeFault}`, 'Give the service’s user the right to write.'))
  }
  if (findings.length > 0) return findings
  return [ok(schema === 'none' ? 'there are none yet: the service makes them' : 'up to date, and writable')]
}

export function checkFile({ damage, journalMode, schema }: SqliteInspection): Finding[] {
  if (damage.length > 0) {
    return [
      fail(
        `the file is damaged: ${damage.join('; ')}`,
        'Stop the service, keep the file, and restore the last backup.',
      ),
    ]
  }
  if (journalMode === 'wal' || schema === 'none') return [ok('no damage found, and commits are on the disk')]
  return [warn(`the journal mode is ${journalMode}`, 'Start the service, which sets it to WAL.')]
}

export function checkDurability(server: PostgresInspection): Finding[] {
  const { fsync, fullPageWrites, synchronousCommit, isDirect } = server
  if (!fsync || !fullPageWrites) {
    return [
      fail(
        `the server has ${fsync ? 'full_page_writes' : 'fsync'} = off: a crash may destroy the database`,
        'Set it to on in postgresql.conf.',
      ),
    ]
  }
  if (synchronousCommit !== 'off') return [ok(`synchronous_commit = ${synchronousCommit}`)]
  return isDirect
    ? [ok('synchronous_commit = off, which Postern sets to on for itself')]
    : [
        fail(
          'synchronous_commit = off, which cannot be set through a pooler: a crash forgets logouts',
          'alter role … set synchronous_commit = on',
        ),
      ]
}

/** @param instances how many processes there are to be */
export function checkConnections(
  { connectionLimit, connections, isDirect }: PostgresInspection,
  { databasePoolSize }: Config,
  instances: number,
): Finding[] {
  if (!isDirect) return [ok('through a pooler, whose own limit counts')]
  const needed = databasePoolSize * instances
  const detail = `${instances} × DATABASE_POOL_SIZE=${databasePoolSize} of ${connectionLimit} connections; Postern has ${connections} now`
  if (needed > connectionLimit) {
    return [fail(detail, 'Lower DATABASE_POOL_SIZE, raise max_connections, or put PgBouncer between.')]
  }
  const room = Math.floor(connectionLimit / databasePoolSize)
  if (needed > connectionLimit / 2) {
    return [
      warn(
        `${detail}: room for ${room} instances`,
        'Before more are started, lower DATABASE_POOL_SIZE, raise max_connections, or put PgBouncer between. In a rolling deploy there are more for a while.',
      ),
    ]
  }
  return [ok(`${detail}: room for ${room} instances`)]
}

/** @param isLocal whether the server is on this machine */
export function checkServer(
  { server, encoding, isDirect, isEncrypted }: PostgresInspection,
  isLocal: boolean,
): Finding[] {
  const name = server.split(/,| on /)[0]
  if (encoding !== 'UTF8') {
    return [
      fail(`the database’s encoding is ${encoding}`, "Make one by: create database postern encoding 'UTF8'"),
    ]
  }
  if (!isEncrypted && !isLocal && isDirect) {
    return [
      warn(
        `${name}, over a connection that is not encrypted`,
        'Add ?sslmode=verify-full to DATABASE_URL, unless the network is only yours.',
      ),
    ]
  }
  return [ok(isDirect ? `${name}` : `${name}, through a pooler: statements are not kept prepared`)]
}

/** Compares with the server’s clock, where there is one, and with what has been recorded. */
export function checkClock(inspection: Inspection & Partial<PostgresInspection>): Finding[] {
  const { latest, clockOffset = 0, clockUncertainty = 0 } = inspection
  const findings: Finding[] = []
  const ahead = Math.max(0, Math.abs(clockOffset) - clockUncertainty)
  const remedy = 'Let NTP set the clocks of all machines.'
  if (ahead > CLOCKS_DIFFER) {
    const detail = `this clock is ${seconds(ahead)} ${clockOffset > 0 ? 'behind' : 'ahead of'} the server’s`
    findings.push(ahead > CLOCKS_DISAGREE ? fail(detail, remedy) : warn(detail, remedy))
  }
  const future = (latest?.getTime() ?? 0) - Date.now()
  if (future > CLOCKS_DIFFER) {
    const detail = `something was recorded ${seconds(future)} in the future: this clock was set back, or another machine’s is ahead`
    findings.push(future > CLOCKS_DISAGREE ? fail(detail, remedy) : warn(detail, remedy))
  }
  if (findings.length > 0) return findings
  return [
    ok(
      inspection.clockOffset === undefined
        ? 'nothing is recorded in the future'
        : 'it agrees with the server’s',
    ),
  ]
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(0)} s`
}
