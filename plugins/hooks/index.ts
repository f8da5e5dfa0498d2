import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Settings } from '../postern.ts'

type EventOf<Hook> = Hook extends (event: infer Event) => unknown ? Event : never

/** Runs the host app's hooks of one capability. */
export interface HookRunner<Hooks extends object> {
  /**
   * Awaits a hook that may veto.
   *
   * @throws what the hook throws
   */
  ask<Name extends keyof Hooks>(name: Name, event: EventOf<Required<Hooks>[Name]>): Promise<void>
  /** Tells a hook without waiting for it. What it throws is logged. */
  tell<Name extends keyof Hooks>(name: Name, event: EventOf<Required<Hooks>[Name]>): void
}

declare module 'fastify' {
  interface FastifyInstance {
    hooks: {
      /** The runner for the hooks that a capability declares. */
      of<Hooks extends object>(): HookRunner<Hooks>
    }
  }
}

async function hooks(app: FastifyInstance, settings: Pick<Settings, 'hooks'>): Promise<void> {
  const given = settings.hooks as Record<PropertyKey, ((event: unknown) => unknown) | undefined>

  async function ask(name: PropertyKey, event: unknown): Promise<void> {
    await given[name]?.(event)
  }

  function tell(name: PropertyKey, event: unknown): void {
    ask(name, event).catch((error: unknown) => app.log.error({ err: error, hook: name }, 'a hook has thrown'))
  }

  app.decorate('hooks', { of: () => ({ ask, tell }) })
}

export default fp(hooks, { name: 'postern-hooks' })
