FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production SLUICE_SKIP_BUILD=1
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/bin ./bin
RUN mkdir /data && chown node /data
USER node
VOLUME /data
EXPOSE 9092
ENTRYPOINT ["node", "bin/sluice"]
CMD ["broker", "--data", "/data", "--listen", "0.0.0.0:9092"]
