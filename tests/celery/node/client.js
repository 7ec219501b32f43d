// Calls tasks of ours as a Celery client: node client.js BROKER TASK ARGS…; prints the result as JSON.
'use strict';
const celery = require('celery-node');

const [broker, task, ...args] = process.argv.slice(2);
const client = celery.createClient(broker, broker);
client
  .createTask(task)
  .applyAsync(args.map((a) => JSON.parse(a)))
  .get(15_000)
  .then((result) => ({ result }), (error) => ({ error: String(error) }))
  .then((answer) => {
    console.log(JSON.stringify(answer));
    return client.disconnect();
  })
  .finally(() => process.exit(0));
