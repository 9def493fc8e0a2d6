import 'reflect-metadata'
// biome-ignore lint/style/useImportType: NestJS reads a constructor's types at run time
import { HttpModule, HttpService } from '@nestjs/axios'
import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { firstValueFrom } from 'rxjs'
import { apiOrigin, type Order, tokens } from './orders-service.ts'

// `register` makes an axios instance for this module; without it HttpService is the one that all of axios shares.
@Module({
  imports: [HttpModule.register({ baseURL: apiOrigin })],
  providers: [{ provide: TokenManager, useValue: tokens }],
  exports: [HttpModule],
})
export class OrdersApiModule implements OnApplicationShutdown {
  readonly #tokens: TokenManager

  // Not in onModuleInit: that of another provider may send requests before it.
  constructor(http: HttpService, manager: TokenManager) {
    attachTokenManager(http.axiosRef, manager)
    this.#tokens = manager
  }

  // Not in onModuleDestroy: requests that come in are still served after it.
  async onApplicationShutdown(): Promise<void> {
    await this.#tokens.close()
  }
}

@Injectable()
export class OrdersService {
  readonly #http: HttpService

  constructor(http: HttpService) {
    this.#http = http
  }

  async list(): Promise<Order[]> {
    return (await firstValueFrom(this.#http.get<Order[]>('/orders'))).data
  }
}

@Module({ imports: [OrdersApiModule], providers: [OrdersService] })
class AppModule {}

export const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] })
console.log(await app.get(OrdersService).list())
