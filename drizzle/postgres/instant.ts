import { customType } from './orm.ts'

/** How PostgreSQL writes an instant under the DateStyle `ISO`. Under others, month and day may be swapped. */
const ISO = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/

/** A column with an instant, in milliseconds like JavaScript's dates. */
export const instant = customType<{ data: Date; driverData: string }>({
  dataType: () => 'timestamp (3) with time zone',
  toDriver: (date) => date.toISOString(),
  fromDriver(text) {
    if (!ISO.test(text)) throw new Error(`The database's DateStyle must be ISO`)
    return new Date(text)
  },
})
