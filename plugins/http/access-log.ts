import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** Logs each request in one line once it is answered, without headers and query, where somebody may have put a secret. */
export class AccessLog extends LogController {
  override incomingRequest({ socket }: FastifyRequest): void {
    // Read while the connection is open, Node.js keeps it: else whoever hangs up early would have no address later on.
    void socket.remoteAddress
  }

  override requestCompleted(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // Not even gathered where nobody is to read it: at full speed that costs a twentieth.
    if (this.disableRequestLogging === true) return
    request.log.info(
      {
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
      },
      'request',
    )
  }

  override defaultErrorLog(): void {}

  override routeNotFound(): void {}
}
