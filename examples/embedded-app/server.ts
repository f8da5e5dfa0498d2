import { buildApp } from './app.ts'

const { SECRET_KEY } = process.env
if (!SECRET_KEY) throw new Error('Set SECRET_KEY to 32 random bytes or more, and keep it')

const app = await buildApp('notes.db', SECRET_KEY)
console.log(await app.listen({ port: 3000 }))
