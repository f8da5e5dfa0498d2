/**
 * What is needed of `node:http`. An `import` of it would read its every export, and one of them loads the client behind
 * `fetch`: a twentieth of a start, for something that a server never uses.
 */
export const { METHODS, STATUS_CODES } = process.getBuiltinModule('node:http')
