import type { FastifyInstance } from 'fastify'

/** Says in the log, at the first request of a gateway, that everyone can register and so pass the gateway. */
export function warnOfOpenRegistration(scope: FastifyInstance): void {
  let hasWarned = false
  scope.addHook('onRequest', (_request, _reply, done) => {
    if (!hasWarned) {
      hasWarned = true
      scope.log.warn(
        'A gateway asks whether requests may pass, and registration is open, so everyone can register and then pass. ' +
          'If not everyone should, set REGISTRATION=closed, and create users by postern users add.',
      )
    }
    done()
  })
}
