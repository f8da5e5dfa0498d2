import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Hooks } from './events.ts'

type Event<Name extends keyof Hooks> = Parameters<NonNullable<Hooks[Name]>>[0]
type Veto = 'beforeRegister' | 'beforeLogin'
type Notice = Exclude<keyof Hooks, Veto>

/** Runs the host's hooks. */
export interface HookRunner {
  /** @throws whatever the hook throws */
  ask<Name extends Veto>(name: Name, event: Event<Name>): Promise<void>
  tell<Name extends Notice>(name: Name, event: Event<Name>): void
}

declare module 'fastify' {
  interface FastifyInstance {
    hookRunner: HookRunner
  }
}

async function hookRunner(app: FastifyInstance, given: Hooks): Promise<void> {
  async function run<Name extends keyof Hooks>(name: Name, event: Event<Name>): Promise<void> {
    const hook = given[name] as ((event: Event<Name>) => void | Promise<void>) | undefined
    await hook?.(event)
  }

  app.decorate('hookRunner', {
    ask: run,
    tell(name, event) {
      run(name, event).catch((error: unknown) =>
        app.log.error({ err: error, hook: name }, 'a hook has thrown'),
      )
    },
  })
}

export default fp(hookRunner, { name: 'postern-hooks' })
