// What one would write in an afternoon: `ws` piped to a TCP connection, with the
// backpressure of node's streams.  Usage: ws_pipe.js PORT TARGET_PORT [CERTIFICATE]
const fs = require("fs");
const http = require("http");
const https = require("https");
const net = require("net");
const { WebSocketServer, createWebSocketStream } = require("ws");

const [port, targetPort, certificate] = process.argv.slice(2);
const pem = certificate && fs.readFileSync(certificate);
const server = pem ? https.createServer({ cert: pem, key: pem }) : http.createServer();

const end = (one, other) => one.on("error", () => other.destroy());

new WebSocketServer({ server }).on("connection", (socket) => {
    const client = createWebSocketStream(socket);
    const target = net.connect({ port: Number(targetPort), host: "127.0.0.1", noDelay: true });
    client.pipe(target);
    target.pipe(client);
    end(client, target);
    end(target, client);
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 1024 });
