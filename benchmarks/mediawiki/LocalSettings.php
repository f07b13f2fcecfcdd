<?php
/**
 * A minimal MediaWiki that only parses: without caches, network and pages in its database.
 * Environment: LEIA_MEDIAWIKI is the folder of the database, WIKI_LANGUAGE the content language, WIKI_PREFIXES a JSON file of
 * interwiki prefixes.
 */
if ( !defined( 'MEDIAWIKI' ) ) {
	exit;
}
$wgSitename = 'Wikipedia';
$wgServer = 'http://localhost';
$wgScriptPath = '/w';
$wgDBtype = 'sqlite';
$wgDBname = 'wiki';
$wgSQLiteDataDir = getenv( 'LEIA_MEDIAWIKI' );
$wgMainCacheType = $wgParserCacheType = $wgMessageCacheType = CACHE_NONE;
$wgLocalisationCacheConf['storeDirectory'] = $wgSQLiteDataDir;
$wgLocalisationCacheConf['store'] = 'array';
$wgSecretKey = str_repeat( '0', 64 );
$wgLanguageCode = getenv( 'WIKI_LANGUAGE' ) ?: 'en';
$wgMetaNamespace = 'Wikipedia';
$wgDefaultLanguageVariant = getenv( 'WIKI_VARIANT' ) ?: false;
$wgAllowExternalImages = false;
$wgNamespacesWithSubpages[NS_MAIN] = false;
$wgParserEnableLegacyMediaDOM = true;
$wgMaxArticleSize = 8192;
wfLoadExtension( 'Poem' );
wfLoadExtension( 'ParserFunctions' );
// Tags of extensions in WIKI_DROPPED_TAGS leave no text; code stays unchanged.
$wgHooks['ParserFirstCallInit'][] = static function ( $parser ) {
	foreach ( explode( ' ', getenv( 'WIKI_DROPPED_TAGS' ) ) as $tag ) {
		$parser->setHook( $tag, static function () {
			return '';
		} );
	}
	foreach ( [ 'syntaxhighlight', 'source' ] as $tag ) {
		$parser->setHook( $tag, static function ( $text ) {
			return '<pre>' . htmlspecialchars( $text ?? '' ) . '</pre>';
		} );
	}
};
// Pictures and their captions leave no text.
$wgHooks['ImageBeforeProduceHTML'][] = static function ( $linker, $title, $file, $frame, $handler, $time, &$result ) {
	$result = '';
	return false;
};
$leiaPrefixes = json_decode( file_get_contents( getenv( 'WIKI_PREFIXES' ) ), true );
$wgHooks['InterwikiLoadPrefix'][] = static function ( $prefix, &$data ) use ( $leiaPrefixes ) {
	$wiki = $leiaPrefixes[strtolower( $prefix )] ?? null;
	if ( $wiki !== null ) {
		$data = [ 'iw_prefix' => $prefix, 'iw_url' => "http://$wiki.example/$1", 'iw_api' => '', 'iw_wikiid' => $wiki,
			'iw_local' => 1, 'iw_trans' => 0 ];
	}
	return false;
};
$wgHooks['HtmlPageLinkRendererEnd'][] = static function ( $renderer, $target, $known, &$text, &$attributes ) {
	$title = Title::newFromLinkTarget( $target );
	$attributes['data-title'] = $title->getPrefixedText();
	$attributes['data-fragment'] = $title->getFragment();
	$attributes['data-wiki'] = $title->getInterwiki();
};
