import { customType } from './orm.ts'

/** How PostgreSQL writes an instant in JSON and under the DateStyle `ISO`. Under another, month and day may stand the other way round. */
const ISO = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/

/** A column that holds an instant, to the millisecond as in JavaScript. */
export const instant = customType<{ data: Date; driverData: string }>({
  dataType: () => 'timestamp (3) with time zone',
  toDriver: (date) => date.toISOString(),
  fromDriver(text) {
    if (!ISO.test(text)) throw new Error(`The database's DateStyle must be ISO`)
    return new Date(text)
  },
})
