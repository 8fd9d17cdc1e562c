import { errorCodes, InitProducerIdRequestSchema, InitProducerIdResponseSchema } from '../../wire/index.ts';
import { defineHandler, errorAnswer } from './api-handler.ts';

/** A new producer id for an idempotent producer (KIP-98), never given before. Transactional producers are refused for good. */
export const initProducerIdHandler = defineHandler({
  request: InitProducerIdRequestSchema,
  response: InitProducerIdResponseSchema,
  async handle(request, { services }) {
    const refused = (errorCode: number) => ({ errorCode, producerId: -1n, producerEpoch: -1 });
    if (request.transactionalId === '') return refused(errorCodes.INVALID_REQUEST);
    if (request.transactionalId !== null) {
      return refused(
        request.transactionTimeoutMs > 0
          ? errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
          : errorCodes.INVALID_TRANSACTION_TIMEOUT,
      );
    }
    try {
      return { producerId: await services.logs.nextProducerId(), producerEpoch: 0 };
    } catch (error) {
      return refused(errorAnswer(error, services.logger).errorCode);
    }
  },
});
