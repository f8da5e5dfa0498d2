/**
 * The constants of `node:http`. An `import` would read every export, and one of them loads the client behind `fetch`. A
 * server never uses it, and loading it takes 5 % of a start.
 */
export const { METHODS, STATUS_CODES } = process.getBuiltinModule('node:http')
