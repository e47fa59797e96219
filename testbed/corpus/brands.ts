/** Names of companies and their products: their logos are no pictures of a concept. */
const BRANDS = new Set(
  (
    "facebook twitter apple github android youtube instagram google linkedin telegram whatsapp slack bitcoin discord " +
    "dribbble gitlab pinterest reddit tiktok windows figma paypal behance spotify html css dropbox snapchat twitch skype " +
    "codepen chrome wordpress medium npm tumblr vimeo amazon linux wechat trello mastodon react soundcloud opera threads " +
    "safari vk steam git javascript docker meta blogger foursquare firefox adobe php python java messenger quora stripe " +
    "ubuntu weibo sketch bitbucket flickr visa vuejs ethereum patreon line microsoft markdown angular mastercard webpack " +
    "typescript framer invision dribble xing yahoo bing alipay vine shopify kickstarter renren qq tencent yelp joomla " +
    "drupal magento etsy ebay jsfiddle stumbleupon deviantart digg delicious lastfm swarm periscope viber kubernetes " +
    "openid odnoklassniki hackernews product-hunt producthunt gitea sass less bootstrap node nodejs svelte"
  ).split(" "),
);

const COMPOUND =
  /^(google|microsoft|apple|facebook|amazon|aws|adobe|github|logo|brand|android|youtube|twitter|app store|nintendo|stack overflow|linkedin|windows|visual studio|stack exchange|creative commons)\b/;

export const isBrand = (concept: string): boolean => BRANDS.has(concept) || COMPOUND.test(concept);
